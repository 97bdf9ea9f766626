"""What a link to a page says about the page, and how to cite or embed it."""

from dataclasses import dataclass
from html import escape

PAPER_BIBTEX = """@inproceedings{feichtenhofer2018learned,
  title = {What have we learned from deep representations for action recognition?},
  author = {Feichtenhofer, Christoph and Pinz, Axel and Wildes, Richard P. and Zisserman, Andrew},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2018}
}"""
BIBTEX_ESCAPES = {"\\": "\\textbackslash{}"} | {character: f"\\{character}" for character in "&%$#_{}"}
MAX_BIBTEX_KEY_LENGTH = 30


@dataclass(frozen=True)
class Share:
    """Title, description and image of a page for links to it. All addresses are absolute."""

    address: str
    title: str
    description: str
    image: str | None = None
    is_social_card: bool = False  # whether the image was composed for link previews, 1200 x 630
    embed_address: str | None = None  # the stimulus alone, for other sites to put into a frame

    @property
    def citation(self) -> str:
        """The page as it is cited in a text: what it shows and where it is."""
        return f"{self.title}. {self.description} Kinetoscope, {self.address}"

    @property
    def bibtex(self) -> str:
        """BibTeX entries of the paper whose method is shown and of this page."""
        title = "".join(BIBTEX_ESCAPES.get(letter, letter) for letter in self.title)
        name = self.title.split(" · ")[0].lower()
        key = "".join(letter for letter in name if letter.isascii() and letter.isalnum())
        entry = [f"@misc{{kinetoscope-{key[:MAX_BIBTEX_KEY_LENGTH] or 'view'},", f"  title = {{{title}}},"]
        return "\n".join([PAPER_BIBTEX, *entry, f"  howpublished = {{Kinetoscope, \\url{{{self.address}}}}}", "}"])

    @property
    def embed_tag(self) -> str:
        """The HTML with which another site embeds the stimulus."""
        return f'<iframe src="{self.embed_address}" width="720" height="420" title="{escape(self.title)}"></iframe>'
