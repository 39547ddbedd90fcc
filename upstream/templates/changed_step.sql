-- Version @{version}, upstream's own text, changed since the release that this project was made for.
-- A database that recorded this version before never gets it from setup().
@{decision}@{text}
