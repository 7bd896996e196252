"""The ground floor: what every other room stands on. Imports nothing of ours."""
