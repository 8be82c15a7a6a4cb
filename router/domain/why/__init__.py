"""Why a conversation was given to somebody, or to nobody: decisions told in sentences, in English and Japanese."""
