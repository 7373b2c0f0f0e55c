"""Who may enter: people with sessions, programs with keys. Its doors; what they do is in the modules beside this."""

from console.door import Door
from console.people.key_pages import DOORS as KEY_DOORS
from console.people.login_pages import DOORS as LOGIN_DOORS
from console.people.own_pages import DOORS as OWN_DOORS
from console.people.people_pages import DOORS as PEOPLE_DOORS

DOORS: tuple[Door, ...] = (*LOGIN_DOORS, *OWN_DOORS, *KEY_DOORS, *PEOPLE_DOORS)
