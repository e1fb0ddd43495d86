"""Stimuli: registers of subjects and artefacts, and the presenter that shows them to the device. Judges nothing."""
