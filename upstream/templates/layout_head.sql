-- DRAFT, to be finished by hand: the rows below are those of the version before. To be added:
@{rows}
