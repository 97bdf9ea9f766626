"""Turns what a survey measured into findings and sentences: arithmetic alone, no database.

Enter at `findings.make_findings`, `confusions`, `confusion_reasons.explain_confusion`, `vocabulary.parse_words` and
`naming.rates.make_report`. May import `app.contract` and `app.settings`. Read `trend`, `confusions`, `findings`,
`confusion_reasons`; the others stand alone.
"""
