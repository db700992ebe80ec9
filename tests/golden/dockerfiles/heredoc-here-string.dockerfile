FROM a
RUN cat <<< "not a heredoc"
