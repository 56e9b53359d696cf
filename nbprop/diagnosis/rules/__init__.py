"""The rules: every file here is one, and this folder is the list of them. See rule.py and docs/diagnosis.md."""
