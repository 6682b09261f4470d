"""Simulated communities with planted truth, to judge the estimators of attribution by.

Written by us: a figure from here says how the estimators do where the truth is known, and is no
proof of how a real community behaves.
"""
