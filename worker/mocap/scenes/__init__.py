"""Random scenes of the classes, drawn as clips: skeletons that move, people, balls, backdrops and a camera.

Enter at `staging.stage_scene`; `Scene.draw` gives the frames. Imports numpy, OpenCV and the class names.
Read `rotations.py`, `body.py`, `motions.py` (how a person moves); `camera.py`, `patterns.py`, `solids.py`,
`people.py`, `backdrop.py`, `scene.py` (how it is drawn); and last `staging.py` (what each class shows) and
`restyled.py` (the same in another rendering).
"""
