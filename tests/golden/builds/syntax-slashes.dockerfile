#!/usr/bin/env x
// syntax=example.com/other:1 with words
whatever this is
