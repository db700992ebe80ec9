FROM --platform= a
