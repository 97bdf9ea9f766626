"""How many jobs a worker computes at once: more where each of them needs only a small part of a frame."""

from app.contract.job import Job, VisualizeJob
from app.store import Session
from app.store.catalog import networks

MAX_BATCH = 128  # jobs, unless the settings say otherwise


def batch_size(session: Session, first: Job, batch: int, max_batch: int) -> int:
    """Return the size of the batch that begins with the job `first`, at most `max_batch`.

    With an objective of one position a unit costs no more than its receptive field's share of the frame, so a batch
    holds as many units as cost as much as `batch` whole frames.
    """
    if not isinstance(first, VisualizeJob) or not first.recipe.is_of_one_position:
        return min(batch, max_batch)
    card = networks.get_card(session, slug=first.network)
    recipe, field = first.recipe, card.layer(first.layer).receptive_field
    margin = recipe.in_pixels(card, first.layer).jitter + 1
    frame_share = min((field.height + margin) / recipe.size, 1) * min((field.width + margin) / recipe.size, 1)
    frame_share *= min(field.frames / recipe.frames, 1)
    return min(max_batch, max(batch, round(batch / frame_share)))
