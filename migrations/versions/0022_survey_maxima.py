"""the digest of the newest survey's a_hat on the card of each network"""

import hashlib
import json
import struct

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NETWORKS = sa.table("networks", sa.column("id"), sa.column("card", sa.JSON), sa.column("revision", sa.Integer))
UNITS = sa.table("units", *map(sa.column, ("network_id", "layer_index", "index", "a_hat", "a_low")))


def upgrade() -> None:
    connection = op.get_bind()
    for network, card in connection.execute(sa.select(NETWORKS.c.id, NETWORKS.c.card)).all():
        units = sa.select(UNITS.c.layer_index, UNITS.c.index, UNITS.c.a_hat, UNITS.c.a_low).where(
            UNITS.c.network_id == network, UNITS.c.a_hat.is_not(None)
        )
        rows = connection.execute(units.order_by(UNITS.c.layer_index, UNITS.c.index)).all()
        if not rows:
            continue
        digest = hashlib.sha256()
        for layer, unit, a_hat, a_low in rows:
            digest.update(struct.pack("<2q2d", layer, unit, a_hat, float("nan") if a_low is None else a_low))
        body = json.loads(card) if isinstance(card, str) else dict(card)
        changed = {"card": body | {"survey_maxima": digest.hexdigest()}, "revision": NETWORKS.c.revision + 1}
        connection.execute(sa.update(NETWORKS).where(NETWORKS.c.id == network).values(changed))


def downgrade() -> None:
    """Leave the digests where they are: nothing else reads them."""
