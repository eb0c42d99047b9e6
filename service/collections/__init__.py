"""Collections: named reference sets of images, their neighbours, projections and reports."""
