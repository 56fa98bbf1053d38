"""How tasks are woken and messages wait: the run queue, deadlines, mailboxes, envelopes."""
