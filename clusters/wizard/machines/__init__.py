"""The machines page: its table, lists that are pasted, logins, jump hosts and scans."""
