"""The module that the fork server of multiprocessing imports at its start, so that all modules of tusd-py are imported
in the servers that are forked from it."""

import gc

from tests.support.forked import import_all

import_all("tusd_py")
gc.collect()
gc.freeze()  # a garbage collection in a process would copy the pages that it shares
