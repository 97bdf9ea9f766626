"""How many jobs a worker computes at once: the work of `batch` whole frames, in more units where each is small."""

from app.contract.job import Job, VisualizeJob
from app.store import Session
from app.store.catalog import networks

MOST = 128


def batch_size(session: Session, head: Job, batch: int) -> int:
    """For the batch of the job at the head of the queue. A unit of the objective `center` costs no more than the share
    of the frame that its receptive field covers.
    """
    if not isinstance(head, VisualizeJob) or head.recipe.objective != "center":
        return batch
    card = networks.get_card(session, slug=head.network)
    recipe, field = head.recipe, card.layer(head.layer).receptive_field
    margin = recipe.in_pixels(card, head.layer).jitter + 1
    share = min((field.height + margin) / recipe.size, 1) * min((field.width + margin) / recipe.size, 1)
    share *= min(field.frames / recipe.frames, 1)
    return max(batch, min(MOST, round(batch / share)))
