FROM a
CMD ["a", null]
