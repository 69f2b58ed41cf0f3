"""EasyTune and its rivals, one short file each."""
