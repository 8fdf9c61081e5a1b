"""Open proposals: asking, assigning, voting, and automatic actions such as reminders and deadlines.

Terms are the review rules of a proposal: who must agree, until when, and what happens if nobody decides.
"""
