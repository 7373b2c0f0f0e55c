"""The pages of the console: HTML for operators."""

from console.door import Door
from console.pages import (
    account_delete,
    account_form,
    accounts,
    audit,
    calls,
    catalogue,
    clients,
    gateways,
    live,
    resellers,
    whose,
)

DOORS: tuple[Door, ...] = (
    *accounts.DOORS,
    *account_form.DOORS,
    *account_delete.DOORS,
    *live.DOORS,
    *clients.DOORS,
    *resellers.DOORS,
    *gateways.DOORS,
    *catalogue.DOORS,
    *audit.DOORS,
    *whose.DOORS,
    *calls.DOORS,
)
