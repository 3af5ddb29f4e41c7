"""The ports: the interfaces through which parts of the server reach the storage, the state, clients, other servers and
each other. Adapters are in other packages, except those that do nothing or pass calls on to several others."""
