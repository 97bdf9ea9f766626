"""Draw the animations that results lack which came in a bundle without them."""

from collections.abc import Callable

from app.contract.result import MediaRole
from app.store import media
from app.store.database.engine import Store
from app.store.results import imports, visualizations
from worker.render.complete import draw_missing

RESULTS_PER_READ = 20


def complete_imported(store: Store, wait: Callable[[], None] = lambda: None) -> int:
    """Draw what imported results lack, and return how many got something. It goes on where it was stopped.

    `wait` is called before each result, and may wait until nobody else needs the processor.
    """
    completed, after = 0, 0
    while True:
        with store.session() as session:
            ids = imports.list_without(session, role=MediaRole.LOOP, after=after, limit=RESULTS_PER_READ)
            results = visualizations.results_by_id(session, ids=ids)
        if not ids:
            return completed
        for id in ids:
            if id not in results:  # removed meanwhile
                continue
            wait()
            refs = {ref.role: ref for ref in results[id].media}
            with store.session() as session:
                contents = media.get_media(session, sha256s={ref.sha256 for ref in refs.values()})
            drawn = draw_missing({role: (contents[ref.sha256].data, ref.frames) for role, ref in refs.items()})
            with store.transaction() as session:
                imports.add_result_media(session, visualization_id=id, media=drawn)
            completed += bool(drawn)
        after = ids[-1]
