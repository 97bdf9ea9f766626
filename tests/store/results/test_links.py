from app.store.database.engine import Store
from app.store.results import links


def test_a_link_to_the_same_view_is_the_same_link(store: Store) -> None:
    with store.transaction() as session:
        link = links.create_link(session, url="/tiny/class/3?speed=slow", title="wave fast")
        assert links.create_link(session, url=link.url, title=link.title) == link
        assert links.create_link(session, url=link.url, title="other").slug != link.slug
        assert links.get_link(session, slug=link.slug) == link
