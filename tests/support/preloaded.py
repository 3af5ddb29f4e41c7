"""The module that the fork server imports first, so that forked servers have all modules of tusd-py."""

import gc

from tests.support.forked import import_all

import_all("tusd_py")
gc.collect()
gc.freeze()  # a garbage collection in a process would copy the pages that it shares
