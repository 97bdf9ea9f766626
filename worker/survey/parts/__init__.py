"""The parts of a survey after the recording, one file each, in the order in which they are measured.

Start with part.py (Part). To add one: its file, with the constants and the fields of units that it has; its line in
PARTS; its field of SurveyFacts.
They may import worker.evidence and worker.survey.context.
"""

from worker.survey.parts.attribute import ATTRIBUTE
from worker.survey.parts.coding import CODING
from worker.survey.parts.interaction import INTERACTION
from worker.survey.parts.invariance import INVARIANCE
from worker.survey.parts.mask import MASK
from worker.survey.parts.part import Part
from worker.survey.parts.probe import PROBE
from worker.survey.parts.repairs import REPAIRS
from worker.survey.parts.selectivity import SELECTIVITY
from worker.survey.parts.silence import SILENCE
from worker.survey.parts.streams import STREAMS

PARTS: tuple[Part, ...] = (
    PROBE,
    ATTRIBUTE,
    STREAMS,
    MASK,
    SELECTIVITY,
    SILENCE,
    CODING,
    INVARIANCE,
    REPAIRS,
    INTERACTION,
)
