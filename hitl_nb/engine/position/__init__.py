"""The position of a run as data: reading the frames of the live stack, and continuing saved frames.

Words that the modules of this package use:

- *instrumented code*: code of the user that hitl_nb compiled so that its frames can be saved. Code of libraries is not
  instrumented.
- *unit*: the compiled source of one cell or one module.
- *place*: a position inside a function, given by the number of a node of its syntax tree.
- *filed value*: an intermediate value that instrumented code keeps in a local variable of the frame. The name of this
  variable begins with a dot, for example `.t0`; no code of the user can read it.
- *exact*: a call is exact if the run can continue inside the called function. Another call is executed again.
- *residual*: the code that is left to run in a saved frame. It is compiled as a function of its own.
- *to ask*: to request a decision of a person, by a call such as `hitl.checkpoint`.
- *pause*: the state of the run is saved, and its process may end. Another process continues the run.
"""
