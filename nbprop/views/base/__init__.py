"""What every view is made of: the class View and its options, colours, geometry; in JavaScript drawing and mathematics.

Here too is the registry, folder.py.
"""
