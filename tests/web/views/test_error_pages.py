from fastapi.testclient import TestClient

from tests.web.views.pagereader import PageReader

NEAR = (
    ("/tinny", "There is no network 'tinny'.", "/tiny"),
    ("/tiny/fusion.conv5", "There is no layer 'fusion.conv5'.", "/tiny/fusion.conv2"),
    ("/tiny/fusion.conv5/3", "There is no layer 'fusion.conv5'.", "/tiny/fusion.conv2"),
    ("/tiny/xyz/3", "There is no layer 'xyz'.", "/tiny"),
    ("/tiny/-/classes/wave%20slo", "There is no class 'wave slo'.", "/tiny/-/classes/wave%20slow"),
    ("/tiny/fc6/10", "Layer fc6 has no unit 10", "/tiny/fc6/9"),
    ("/tiny/fc6/ten", "those of fc6 are 0 to 9", "/tiny/fc6"),
    ("/tiny/fc6/99999999999999999999", "those of fc6 are 0 to 9", "/tiny/fc6"),
)


def test_what_is_not_there_offers_the_near_names(visitor: TestClient) -> None:
    for address, words, near in NEAR:
        answer = visitor.get(address)
        assert answer.status_code == 404, address
        page = PageReader(answer.text)
        assert words in page.text
        assert near in page.links
        assert visitor.get(near).status_code == 200


ADDRESSES = {
    "/-/jobs/999": 404,
    "/-/jobs/abc": 422,
    "/-/jobs?state=asleep": 422,
    "/tiny/class/1?speed=warp": 422,
    "/tiny/class/1?seed=-1": 422,
    "/tiny/class/1?view=heat": 422,
    "/tiny/-/units?sort=luck": 422,
    "/tiny/-/units?layer=nothing": 404,
    "/a/b/c/d": 404,
    "/-/visualize": 405,
}


def test_errors_are_pages_with_the_words_of_the_api(visitor: TestClient) -> None:
    for address, status in ADDRESSES.items():
        answer = visitor.get(address)
        assert answer.status_code == status, address
        page = PageReader(answer.text)
        detail = visitor.get(address, headers={"Accept": "application/json"}).json()["detail"]
        assert detail.partition(" Near: ")[0] in page.text
        assert (page.unclosed, page.stray) == ([], [])
