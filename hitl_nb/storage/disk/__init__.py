"""The store on a local disk: two diskcache databases."""
