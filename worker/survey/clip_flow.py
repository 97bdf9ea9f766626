"""Flow of stored clips, which pages show as motion: computed once a network with a motion stream may need it."""

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.contract.dataset import CLIP_FPS, MAX_CLIP_FRAMES
from app.contract.errors import KinetoscopeError, VideoError
from app.contract.network import NetworkCard, StreamName
from app.contract.result import MediaRole, RenderedMedia
from app.settings import settings
from app.store import datasets
from app.store.catalog import networks
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from worker.render.clips import render_flow
from worker.survey.stored_inputs import stored_frames
from worker.video.flow import dis_flow, downscale_flow

CLIPS_PER_TRANSACTION = 16

log = logging.getLogger(__name__)


def has_motion_stream(card: NetworkCard) -> bool:
    """Return whether a network takes flow."""
    return any(stream.name is StreamName.MOTION for stream in card.streams)


def needs_flow(store: Store, labels: Iterable[str]) -> bool:
    """Return whether a registered network with a motion stream knows all these labels, and so can be surveyed."""
    wanted = set(labels)
    with store.session() as session:
        cards = [card for card in networks.list_cards(session) if has_motion_stream(card)]
    return any(all(card.find_class(label) is not None for label in wanted) for card in cards)


def add_missing_flow(
    store: Store,
    dataset: str,
    *,
    observe: Callable[[int, int], None] = lambda done, total: None,
    threads: int | None = None,
) -> dict[str, str]:
    """Compute the flow of the clips of a data set that have none; return why clips were skipped, by name.

    It continues where it was stopped. `observe` is called with the number of clips done and that of all clips without
    flow; it may raise to stop. Raises UnknownDataset.
    """
    with store.session() as session:
        names = datasets.clips_without(session, slug=dataset, role=MediaRole.FLOW)
    skipped: dict[str, str] = {}
    done = 0
    compute = partial(_flow_media_or_error, store, dataset)
    with ThreadPoolExecutor(threads or settings().threads or os.cpu_count()) as pool:
        for batch in chunks(names, CLIPS_PER_TRANSACTION):
            media = dict(zip(batch, pool.map(compute, batch), strict=True))
            skipped |= {name: each.detail for name, each in media.items() if isinstance(each, VideoError)}
            rendered = {name: each for name, each in media.items() if not isinstance(each, VideoError)}
            with store.transaction() as session:
                datasets.add_clip_media(session, slug=dataset, media=rendered)
            done += len(batch)
            observe(done, len(names))
    return skipped


def _flow_media_or_error(store: Store, dataset: str, name: str) -> list[RenderedMedia] | VideoError:
    """Return the media of a clip's flow, or why there are none: whatever one clip raises, the others get theirs."""
    try:
        frames = stored_frames(store, dataset, name, MAX_CLIP_FRAMES)
        return render_flow(downscale_flow(dis_flow(frames)), fps=CLIP_FPS)
    except VideoError as error:
        return error
    except KinetoscopeError:  # of the database
        raise
    except Exception as error:
        log.exception("The flow of the clip %a could not be computed.", name)
        return VideoError(f"Something unexpected went wrong ({type(error).__name__}); the log says what.")
