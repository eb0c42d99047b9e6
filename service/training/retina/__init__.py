"""The parts of a procedural fundus photograph: anatomy, view, ground, nerve head, vessels, lesions, camera.

Lengths are millimetres on the retina in the frame of a left eye seen by a camera: the disc's centre is the origin,
x grows towards the fovea (temporal), y grows downwards (inferior). `service.training.fundus` is the public face.
"""
