"""The parts of a survey, which can be chosen, and added to a finished survey."""

from enum import StrEnum

PartConstants = dict[str, int | float | tuple[float, ...]]  # by name: see worker/survey/parts/part.py


class SurveyPart(StrEnum):
    """A part of a survey, in the order in which parts are measured. Every survey has the first."""

    RECORD = "record"  # the activations of every unit on every clip
    PROBE = "probe"  # tuning and synergy of units on their strongest clips, changed
    ATTRIBUTE = "attribute"  # the classes that units contribute to
    STREAMS = "streams"  # the appearance of a clip with the motion of others
    MASK = "mask"  # clips of which only what moves, or only what is still, can be seen
    SELECTIVITY = "selectivity"  # units that answer to few classes, beside chance and the control
    SILENCE = "silence"  # what the classes lose where a unit is silenced
    INTERACTION = "interaction"  # how units put the two streams together
    CODING = "coding"  # whether units code what is static, what is dynamic, or both
    INVARIANCE = "invariance"  # what units and layers keep when speed and direction change
    REPAIRS = "repairs"  # which changes of a clip repair or cause errors

    @property
    def field(self) -> str:
        """The field of SurveyFacts that has what the part found of the network as a whole."""
        return "masked" if self is SurveyPart.MASK else self.value
