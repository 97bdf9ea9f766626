from app.contract.job import VisualizeJob
from app.store.database.engine import open_store
from app.store.jobs.leases import peek
from tests.support import add_card, enqueue, resolved, two_stream_card
from worker.batch_size import MAX_BATCH, batch_size


def test_small_receptive_fields_share_a_batch_of_many_units(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    add_card(store, two_stream_card())
    enqueue(store, 0)
    with store.session() as session:
        job = peek(session)
        assert isinstance(job, VisualizeJob)
        assert batch_size(session, job, 4, MAX_BATCH) == 4
        layer = two_stream_card().layers[0]
        small = job.model_copy(
            update={"layer": layer.name, "recipe": resolved(objective="center", jitter=0, size=512, frames=10)}
        )
        assert batch_size(session, small, 4, MAX_BATCH) == MAX_BATCH
        assert batch_size(session, small, 4, max_batch=4) == 4  # as KINETOSCOPE_BATCH=4 says
        whole = small.model_copy(update={"recipe": resolved(objective="center", size=16, frames=1)})
        assert batch_size(session, whole, 4, MAX_BATCH) < MAX_BATCH
    store.close()
