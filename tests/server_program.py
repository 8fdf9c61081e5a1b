"""The program of the Jupyter servers that tests start: `python -c SERVER_PROGRAM MODULE OPTIONS...`."""

SERVER_PROGRAM = """\
import faulthandler, runpy, signal, sys
faulthandler.enable()  # a crash leaves its stack in the log
faulthandler.register(signal.SIGUSR2)  # a test that fails has it print where its threads are
sys.modules["rfc3987_syntax"] = None  # jsonschema's grammar of IRIs: takes over a second to build, and nobody needs it
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
