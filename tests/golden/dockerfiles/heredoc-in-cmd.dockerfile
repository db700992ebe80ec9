FROM a
CMD cat <<E
