"""What programs that review call: the list of open proposals, a decision of a person, and waiting for one."""
