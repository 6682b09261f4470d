"""Webhooks out: what happened, told to other programs, signed (Standard Webhooks).

registry    which addresses there are, and what each wants to know
happenings  rows that say what happened → calls, one an event and webhook
calls       the life of a call: taken, made, again later, delivered or given up
door        one HTTP request, signed, to an address that the installation allows
"""
