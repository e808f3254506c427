"""From stage outputs to the files that users download: wheel, sdist, tar, deb."""
