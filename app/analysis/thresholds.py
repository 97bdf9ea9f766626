"""The thresholds of the findings, in one place. docs/evidence.md justifies each of them."""

from typing import Annotated

from pydantic import Field

from app.contract.model import Model

Share = Annotated[float, Field(ge=0, le=1)]
Area = Annotated[float, Field(ge=0.5, le=1)]  # under an ROC curve that tells the clips of two classes apart


class Thresholds(Model):
    """What claims need to be supported. A protocol may state others than these defaults."""

    max_p_value: Annotated[float, Field(gt=0, lt=1)] = 0.05  # of a claim, corrected for the number of questions asked
    separated_auc: Area = 0.8  # least of both streams together, where they separate two classes
    alone_auc: Area = 0.75  # least of one stream alone, where it separates them
    not_separated_auc: Area = 0.7  # most of one stream alone, where it does not
    min_auc_difference: Share = 0.25  # by which one stream must be better than the other, or both than either
    minor_share: Share = 0.05  # of the clips, or of the logits' variance: a stream that adds no more contributes little
    min_unit_difference: Share = 0.05  # of live units, from the control: fewer are too few to speak of a layer
    min_repair_effect: Share = 0.25  # of the changed versions of a clip, more than the sham and than a region elsewhere
    max_accuracy_p: Share = 0.01  # of the accuracy under shuffled labels: above it, errors are those of chance
    min_depth_change: Share = 0.05  # between the first and the last layer, beyond the control's: less is too little
    min_slope_change: Annotated[float, Field(ge=0)] = 0.1  # of the gain slope: a tenth of linear (1) to invariant (0)
    kept_apart_auc: Area = 0.75  # least of the last layer, where classes that differ by speed alone stay apart
    min_recall_change: Share = 0.5  # of recall, or of probability, for a class to be suspected of a bias
    min_background_effect: Share = 0.1  # rise, by a class's background, of the share of other clips taken for it


DEFAULTS = Thresholds()
