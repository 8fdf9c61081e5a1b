"""For packages that connect a framework to hitl_nb: records of their own in the store, and exclusive rights.

`hitl_nb.integrations` uses this package and the names of `hitl_nb` only. An adapter of yours can do the same.
"""

from hitl_nb.extend.leases import hold_lease
from hitl_nb.extend.scopes import scope_calls
from hitl_nb.extend.sealed_records import RecordTransaction, SealedRecords
from hitl_nb.storage import Store
from hitl_nb.structs import prepare_structs

__all__ = ["RecordTransaction", "SealedRecords", "Store", "hold_lease", "prepare_structs", "scope_calls"]
