"""Operations that combine several domains of the engine."""
