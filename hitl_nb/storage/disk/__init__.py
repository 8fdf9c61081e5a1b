"""The store on a local disk, which consists of two diskcache databases."""
