"""The report that a laboratory issues: its own particulars and a record, in Chinese, English or both, on A4 pages."""
