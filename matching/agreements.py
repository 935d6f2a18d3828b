"""The old address of what `matching.queries` gives."""

from matching.queries import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms

__all__ = ["AgreedLine", "AgreedPart", "AgreedPartner", "AgreedTerms"]
