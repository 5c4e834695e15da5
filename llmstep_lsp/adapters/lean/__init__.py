"""Everything that talks to Lean: which one, its process, its protocol, its scratch documents."""
