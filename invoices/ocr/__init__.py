"""Reading what a picture shows: upright grey pictures of pages, engines that see words in them, what they saw judged.

An extra of the package. Without an engine on this machine a picture stays a picture, and its reading says so.
"""
