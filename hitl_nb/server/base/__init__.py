"""What every request needs: settings, identity, the store's threads."""
