"""The protocol of findings: everything that determines them beside the network. It can be kept and run again."""

from pydantic import Field

from app.contract.model import Model
from app.contract.network import Sha256, Slug
from app.contract.survey_part import PartConstants, SurveyPart

SURVEY_SEED = 0  # of everything that a survey draws


class Protocol(Model):
    """The data, parts, seed and thresholds of findings, and of which network and with which version they were made."""

    version: str = Field(description="of Kinetoscope")
    network: Slug
    checksum: Sha256 = Field(description="of the network's weights")
    dataset: Slug
    clips: int = Field(description="clips of the data set that could be read")
    clips_digest: Sha256 | None = Field(
        default=None, description="of the names and labels of all clips; null where it was not computed"
    )
    parts: tuple[SurveyPart, ...] = Field(description="of the survey; empty where they are not known")
    seed: int = Field(description="of everything that a survey draws")
    groups_known: bool | None = Field(
        default=None, description="whether it is known which clips are of one video, person or motion"
    )
    thresholds: dict[str, float] = Field(description="by name, see docs/evidence.md")
    constants: dict[SurveyPart, PartConstants] = Field(
        default_factory=dict,
        description="numbers in the code that determined what parts found, without those of parts that were measured "
        "before they were recorded",
    )
    constants_digest: Sha256 | None = Field(default=None, description="of the constants; null where there are none")
