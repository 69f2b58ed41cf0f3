"""The tuned models there are: listed, renamed, thrown away and back, packed, unpacked, merged."""
