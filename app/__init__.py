"""The page: one file per tab, the 3D player, the theme and the error texts."""
